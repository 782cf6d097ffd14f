/** CycloneDX 1.6 (https://cyclonedx.org, ECMA-424): a list of what something consists of. Pure. */
export type Component = {
  type: string
  name: string
  version: string
  purl: string
  scope?: 'required' | 'optional'
  licenses?: { license: { id: string } }[]
  /** Of the package as it was fetched. */
  hashes?: { alg: 'SHA-512'; content: string }[]
  'bom-ref': string
}

export type Subject = { type: 'application' | 'firmware'; name: string; version: string }

/** `uuid`: the same for the same parts. `made`: ISO 8601; left out where the same sources shall give the same octets without knowing a time. */
export const cycloneDx = (subject: Subject, components: readonly Component[], uuid: string, made?: string): string =>
  `${JSON.stringify(
    {
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      serialNumber: `urn:uuid:${uuid}`,
      version: 1,
      metadata: { ...(made === undefined ? {} : { timestamp: made }), component: { ...subject, 'bom-ref': subject.name } },
      // A package that lies in two places is one of them.
      components: [...new Map(components.map((one) => [one.purl, one])).values()].sort((a, b) => (a.purl < b.purl ? -1 : 1)),
    },
    null,
    1,
  )}\n`
