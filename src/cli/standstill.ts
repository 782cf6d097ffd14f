import { answerCode } from '../gateway/answer-code.ts'
import { Desk } from '../gateway/desk.ts'
import { Diary } from '../gateway/diary.ts'
import { intake } from '../gateway/intake.ts'
import { knownTime } from '../gateway/plan.ts'
import { Purser } from '../gateway/purser.ts'
import { Registrar } from '../gateway/registrar.ts'
import { besideOf, rosterFor, standingFor } from '../gateway/roster.ts'
import { Scribe } from '../gateway/scribe.ts'
import { instant } from '../ports/clock.ts'
import { Queue } from '../queue/queue.ts'
import { Spool } from '../queue/spool.ts'
import { decide } from '../rules/decide.ts'
import { nowBy } from '../rules/roster.ts'
import { Trails } from '../rules/trail.ts'
import { Later, type Scene } from './command.ts'
import { perform, type Request } from './control.ts'
import { loadSettings } from './load.ts'
import { planFor } from './plan.ts'

const codeWith =
  (key: Uint8Array) =>
  (id: number): string =>
    answerCode(key, id)

/**
 * Standstill: the desk of a gateway that does not run. The journal is opened for one request, and nobody else may have it meanwhile.
 */
export async function atStandstill(scene: Scene, request: Request): Promise<unknown> {
  const { clock, disk, log } = scene.ports
  await disk.makeDir(scene.dir)
  const unlock = await disk.lock(scene.dir)
  if (!unlock)
    throw new Later(
      `A gateway in ${scene.dir} is starting or stopping just now: try again in a moment. Or its disk takes nothing, and it answers on its page alone.`,
    )
  try {
    const { settings, secrets } = await loadSettings(scene)
    const plan = await planFor(scene, settings, secrets)
    const standing = standingFor(plan, clock)
    const diary = new Diary()
    const queue = await Queue.open({
      disk,
      clock,
      log,
      builtAt: plan.builtAt,
      dir: `${scene.dir}/journal`,
      maxMiB: settings.queue.maxMiB,
      beside: besideOf(standing, diary),
      standstill: true,
    })
    const { deviceId, site, software, people } = plan
    const spool = await Spool.open({
      ...{ disk, log, random: scene.ports.random, dir: `${scene.dir}/spool`, maxBytes: 0 },
      spareBytes: () => queue.growthBytes,
    })
    const known = () => knownTime(plan)
    const scribe = new Scribe({
      clock,
      log,
      queue,
      deviceId,
      site,
      software,
      people,
      ...plan.mail,
      templatesOf: plan.templatesOf,
      ...(plan.dkim ? { dkim: plan.dkim } : {}),
      ...(plan.answers ? { codeOf: codeWith(plan.answers.key) } : {}),
      known,
      viaOf: plan.viaOf,
      senderOf: plan.senderOf,
      mailOf: (enclosed) => spool.read(enclosed),
      onLost: () => {},
    })
    const purser = new Purser({ ...plan, clock, log, queue, timeZone: site.timeZone, metered: () => false })
    const roster = rosterFor(plan)
    // What time alone makes due is done by the gateway when it runs; what is decided now is decided as it would.
    const registrar = new Registrar({
      clock,
      log,
      queue,
      trails: new Trails(),
      decide: (alert) => decide(alert, standing, roster, nowBy(clock, instant(plan.builtAt))),
      onAccepted: () => {},
      onChanged: () => {},
    })
    const take = intake({
      log,
      decoderOf: plan.decoderOf,
      decodingOf: plan.decodingOf,
      stands: (source, key) => standing.open(source, key).length > 0,
      offer: (reading, heard) => registrar.offer(reading, heard),
    })
    const desk = new Desk({ clock, log, queue, scribe, purser, registrar, standing, diary, take, sources: [] })
    const answer = await perform(request, desk)
    await queue.close()
    return answer
  } finally {
    await unlock()
  }
}
