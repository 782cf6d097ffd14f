/** Waits until something is so; looks every half second. Rejects with a sentence after `seconds`. */
export async function until(what: string, seconds: number, holds: () => boolean | Promise<boolean>): Promise<void> {
  const late = performance.now() + seconds * 1000
  while (!(await holds())) {
    if (performance.now() > late) throw new Error(`After ${seconds} s it is still not so: ${what}.`)
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}
