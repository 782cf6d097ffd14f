import { dovecotConfig } from '../mailbox/dovecot.ts'
import { exportMbox, listMail, showMail } from '../mailbox/maildir.ts'
import { hostAndPort, isListen } from '../settings/address.ts'
import { Fault } from '../web/fault.ts'
import { type Command, type ExitCode, exit, type Options, Refusal, type Scene, text, UsageError } from './command.ts'
import { loadSettings } from './load.ts'
import { ownWebKey } from './web-key.ts'

export const mailbox: Command = {
  usage: 'outpost mailbox [list|show ID|export|dovecot-config --owner USER [--listen HOST:PORT]] [--json] [--data DIR]',
  help: 'Mail kept on the box: for people of the site, and notices. list prints headers only; export writes an mbox; dovecot-config prints what a Dovecot needs to serve it over IMAP (--owner: who owns the data directory; --listen: 0.0.0.0:143).',
  flags: { json: 'yes', owner: 'text', listen: 'text' },
  async run(scene, options) {
    const { disk } = scene.ports
    const root = `${scene.dir}/mailbox`
    const [verb = 'list', id] = options.words
    if (verb === 'list') {
      const mails = await listMail(disk, root)
      for (const mail of mails)
        scene.out(options.flags.json ? `${JSON.stringify(mail)}\n` : `${mail.id}\n    ${mail.date}  ${mail.from}\n    ${mail.subject}\n`)
      if (mails.length === 0 && !options.flags.json) scene.out('The mailbox is empty.\n')
      return exit.done
    }
    if (verb === 'show') {
      if (!id) throw new UsageError('mailbox show wants the id of a mail, as outpost mailbox list shows it.')
      const mail = await showMail(disk, root, id)
      if (!mail) throw new Refusal(`There is no mail ${id} in ${root}.`)
      scene.out(Buffer.from(mail).toString())
      return exit.done
    }
    if (verb === 'export') {
      for await (const piece of exportMbox(disk, root)) scene.out(Buffer.from(piece).toString())
      return exit.done
    }
    if (verb === 'dovecot-config') return dovecot(scene, options)
    throw new UsageError(`mailbox ${verb} is not known. Write list, show ID, export or dovecot-config.`)
  },
}

/** On standard output; the certificate is made when there is none. */
async function dovecot(scene: Scene, options: Options): Promise<ExitCode> {
  const owner = text(options, 'owner')
  const listen = text(options, 'listen') ?? '0.0.0.0:143'
  if (owner === undefined || !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$/.test(owner))
    throw new UsageError('Say who owns the data directory: --owner outpost, by name or number.')
  if (!scene.dir.startsWith('/')) throw new UsageError('Say where the data is from the root on: --data /var/lib/outpost.')
  if (!isListen(listen)) throw new UsageError('--listen: write an address and a port such as 0.0.0.0:143.')
  const { settings, secrets } = await loadSettings(scene)
  const users = settings.mailbox.users.flatMap(({ name, password }) => {
    const known = password && secrets.get(password.secret)
    return known ? [{ name, password: known, salt: scene.ports.random.bytes(16) }] : []
  })
  if (users.length === 0)
    throw new Refusal(
      'No user of the mailbox has a password. Write mailbox.users[0].password: { "secret": "mailbox:operator" }, and give it a value.',
    )
  await ownWebKey(scene, [settings.site.domain, 'outpost.local']).catch((error) => {
    throw error instanceof Fault ? new Refusal(`${error.message} ${error.hint}`) : error
  })
  scene.out(dovecotConfig({ dir: scene.dir, ...hostAndPort(listen), owner, users }))
  return exit.done
}
