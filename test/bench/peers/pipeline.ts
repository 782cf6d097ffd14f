import { chmodSync, writeFileSync } from 'node:fs'
import { Group } from './group.ts'
import { type Duty, recipient, sender } from './peer.ts'

/** Where the loop notes what its command has taken: what is lost before never left the pipe. */
export const handedIn = (scratch: string): string => `${scratch}/handed`

/** `mosquitto_sub | while read`: how a box becomes a mail gateway in an afternoon. `command` reads a mail from its standard input. */
export function startPipeline({ dir, scratch, broker }: Duty, command: string, env: Record<string, string> = {}): Group {
  const script = `${dir}/alerts.sh`
  const handed = handedIn(scratch)
  const head = `From: ${sender}\\nTo: ${recipient}\\nSubject: %s\\n\\n%s\\n`
  const subscription = `-h 127.0.0.1 -p ${broker.port} -i ${broker.clientId} -c -q 1 -t '${broker.topic}'`
  writeFileSync(
    script,
    `#!/bin/sh
mosquitto_sub ${subscription} | while IFS= read -r line; do
  printf '${head}' "$line" "$line" | ${command} && printf '%s\\n' "$line" >> ${handed}
done
`,
  )
  chmodSync(script, 0o755)
  return Group.start(script, [], `${scratch}/pipeline.log`, env)
}
