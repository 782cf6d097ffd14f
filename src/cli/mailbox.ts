import { exportMbox, listMail, showMail } from '../mailbox/maildir.ts'
import { type Command, exit, Refusal, UsageError } from './command.ts'

export const mailbox: Command = {
  usage: 'outpost mailbox [list|show ID|export] [--json] [--data DIR]',
  help: 'Mail kept on the box: for people of the site, and notices. list prints headers only; export writes an mbox.',
  flags: { json: 'yes' },
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
    throw new UsageError(`mailbox ${verb} is not known. Write list, show ID or export.`)
  },
}
