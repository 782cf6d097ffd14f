import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { cycloneDx } from '../../firmware-host/parts/cyclonedx.ts'
import { componentOf, licencesOf, shippedPackages } from '../../firmware-host/parts/npm.ts'

/** Supply chain (CWE-1357; CRA, Annex I part II 1): what of other people is in a release, from where, and under which words. */
const root = new URL('../..', import.meta.url).pathname
const read = (name: string) => JSON.parse(readFileSync(join(root, name), 'utf8'))
const lock = read('package-lock.json').packages as Record<
  string,
  { version?: string; resolved?: string; integrity?: string; link?: boolean; dev?: boolean; hasInstallScript?: boolean }
>
const installed = Object.entries(lock).filter(([path]) => path !== '')

/** Packages in a release, of how many places; one more needs a reason in docs/architecture.md. */
const shippedLimit = 88
/** The words of all of them let us pass them on as we do: with the words. */
const licences = ['MIT', 'MIT-0', 'ISC', '0BSD', 'BSD-3-Clause']
/** What runs code of its own while it is installed: the first looks whether its prebuilt library fits, the second whether its program runs. */
const scripted = ['node_modules/@serialport/bindings-cpp', 'node_modules/esbuild']

test('supply chain (CWE-1357): every dependency is named exactly, comes from the registry alone, and is known by its digest', () => {
  const { dependencies, devDependencies, optionalDependencies, overrides } = read('package.json')
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }))
    assert.match(String(version), /^\d+\.\d+\.\d+$/, name)
  assert.deepEqual(overrides, { 'smtp-server': { nodemailer: '$nodemailer' } })
  assert.ok(installed.length > 100)
  for (const [path, { version, resolved, integrity, link }] of installed) {
    assert.match(version ?? '', /^\d+\.\d+\.\d+/, path)
    assert.match(integrity ?? '', /^sha512-[A-Za-z0-9+/]{86}==$/, path)
    assert.equal(link, undefined, path)
    // Left out, it is the registry that npm is set to; what comes from elsewhere (git, a file, another server) is named.
    assert.match(resolved ?? 'https://registry.npmjs.org/', /^https:\/\/registry\.npmjs\.org\//, path)
  }
})

test('supply chain (CWE-1357): nothing but two known packages runs a script when it is installed', () => {
  assert.deepEqual(
    installed.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path),
    scripted,
  )
})

test('supply chain (CWE-1357): what a release holds is counted, and every package that the sources name is on its list', () => {
  const shipped = shippedPackages(root)
  assert.ok(shipped.length <= shippedLimit, `${shipped.length} packages, and ${shippedLimit} at most`)
  const listed = new Set(shipped.map(({ name }) => name))
  const named = (readdirSync(join(root, 'src'), { recursive: true }) as string[])
    // It builds the page, and is not in it.
    .filter((file) => /\.tsx?$/.test(file) && file !== 'page/build.ts')
    .flatMap((file) => [
      ...readFileSync(join(root, 'src', file), 'utf8').matchAll(
        /^(?:import|export|\}).*? from '([^.'\n][^'\n]*)'$|\bimport\('([^.'\n][^'\n]*)'\)/gm,
      ),
    ])
    .map(([, from, dynamic]) => from ?? dynamic ?? '')
    .filter((to) => !to.startsWith('node:'))
    .map((to) =>
      to
        .split('/')
        .slice(0, to.startsWith('@') ? 2 : 1)
        .join('/'),
    )
  assert.ok(named.includes('preact') && named.includes('zod'))
  assert.deepEqual(
    [...new Set(named)].filter((name) => !listed.has(name)),
    [],
  )
})

test('supply chain (CWE-1357): the list of parts is CycloneDX 1.6 that names all that npm names, each with its licence and digest', () => {
  const components = shippedPackages(root).map(componentOf)
  const text = cycloneDx({ type: 'application', name: 'outpost', version: '1.0.0' }, components, '00000000-0000-8000-8000-000000000000')
  const { bomFormat, specVersion, serialNumber, components: own } = JSON.parse(text)
  assert.deepEqual([bomFormat, specVersion], ['CycloneDX', '1.6'])
  assert.match(serialNumber, /^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  assert.equal(
    text,
    cycloneDx({ type: 'application', name: 'outpost', version: '1.0.0' }, components.toReversed(), '00000000-0000-8000-8000-000000000000'),
  )
  type Listed = { purl: string; 'bom-ref': string; licenses: { license: { id: string } }[]; hashes: { alg: string; content: string }[] }
  for (const { purl, licenses, hashes } of own as Listed[]) {
    assert.ok(licences.includes(licenses[0]?.license.id ?? ''), `${purl} is under ${licenses[0]?.license.id}`)
    assert.equal(hashes[0]?.alg, 'SHA-512')
    assert.match(hashes[0]?.content ?? '', /^[0-9a-f]{128}$/)
  }
  assert.equal(new Set((own as Listed[]).map((one) => one['bom-ref'])).size, own.length, 'each is named once')
  const npm = spawnSync('npm', ['sbom', '--sbom-format=cyclonedx', '--package-lock-only', '--omit=dev'], { cwd: root, encoding: 'utf8' })
  assert.equal(npm.status, 0, npm.stderr)
  const theirs = (JSON.parse(npm.stdout).components as Listed[]).map(({ purl }) => purl)
  assert.ok(theirs.length > 60)
  const ours = new Set((own as Listed[]).map(({ purl }) => purl))
  assert.deepEqual(
    theirs.filter((purl) => !ours.has(purl)),
    [],
  )
})

test('supply chain (CWE-1357): the words of every licence are passed on with the bundle', () => {
  const words = licencesOf(root)
  for (const { name, entry } of shippedPackages(root))
    if (!entry.optional)
      assert.match(words, new RegExp(`^${name.replaceAll(/[/.]/g, '\\$&')} ${entry.version?.replaceAll('.', '\\.')} \\(`, 'm'))
  assert.match(words, /Copyright Node\.js contributors/, 'Node is in the image, too')
  assert.match(words, /Permission is hereby granted/)
})

test('supply chain (CWE-1357): a build lays the list of parts and the licences beside the bundle', () => {
  const dir = mkdtempSync(`${tmpdir()}/outpost-parts-`)
  try {
    const done = spawnSync(process.execPath, [join(root, 'firmware-host/parts/write.ts'), dir], { encoding: 'utf8' })
    assert.equal(done.status, 0, done.stderr)
    assert.equal(JSON.parse(readFileSync(`${dir}/sbom.cdx.json`, 'utf8')).metadata.component.name, 'outpost')
    assert.match(readFileSync(`${dir}/licences.txt`, 'utf8'), /^outpost \d.*\n\nMIT License/)
  } finally {
    rmSync(dir, { recursive: true })
  }
  const { scripts, files } = read('package.json')
  assert.match(scripts.build, /&& npm run --silent build:parts$/)
  assert.ok(files.includes('dist'), 'and a release has what is there')
})
