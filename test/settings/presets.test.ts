import assert from 'node:assert/strict'
import { test } from 'node:test'
import { perform } from '../../src/cli/outpost.ts'
import { checkSettings } from '../../src/settings/check.ts'
import { presets, relayOfPreset } from '../../src/settings/presets.ts'
import { SimDisk } from '../sim/world/disk.ts'

/** What a command prints that needs nothing of the world but a directory to look at. */
async function printed(...argv: string[]): Promise<{ out: string; err: string }> {
  const said = { out: '', err: '' }
  const scene = {
    env: {},
    ports: { disk: new SimDisk() },
    out: (text: string) => {
      said.out += text
    },
    err: (text: string) => {
      said.err += text
    },
  }
  await perform(argv, scene as unknown as Parameters<typeof perform>[1])
  return said
}

for (const preset of presets)
  test(`the preset ${preset.name} is a valid relay without a secret in it, and says in one sentence what it needs`, () => {
    const entry = relayOfPreset(preset)
    const { settings, findings } = checkSettings(JSON.stringify({ relays: [entry] }))
    assert.deepEqual(findings, [])
    assert.equal(settings?.relays[0]?.id, preset.name)
    assert.match(preset.need, /^[A-Z][^.]*(?:\.[a-zA-Z][^.]*)*\.$/)
    if (settings?.relays[0]?.auth.kind !== 'none') assert.notEqual(settings?.relays[0]?.security, 'none')
    assert.equal(entry.port === 465, entry.security === 'tls')
  })

test('the command line lists the presets, and prints one that can be pasted', async () => {
  const list = await printed('settings', 'presets')
  for (const { name } of presets) assert.match(list.out, new RegExp(`^${name} `, 'm'))
  const one = await printed('settings', 'presets', 'gmail')
  assert.deepEqual(JSON.parse(one.out), relayOfPreset(presets[0] ?? assert.fail()))
  assert.match(one.err, /app password/)
  await assert.rejects(printed('settings', 'presets', 'gmial'), /Did you mean gmail\?/)
})
