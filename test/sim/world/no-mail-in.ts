import assert from 'node:assert/strict'
import type { MailIn } from '../../../src/ports/mail-in.ts'

/** A world in which nobody sends mail to the box. */
export const noMailIn: MailIn = { listen: () => assert.fail('no mail is taken in this world') }
