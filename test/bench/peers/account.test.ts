import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountOf, quantile } from './account.ts'
import { type Accepted, nameOf, numbersIn, textOf } from './alert.ts'

/** The book-keeping of the bench. */
const name = (n: number) => nameOf('postfix', 'd', n)
const letter = (messageId: string, ...numbers: number[]): Accepted => ({ at: 0, messageId, alerts: numbers.map(name) })
const names = [1, 2, 3, 4, 5].map(name)

test('an alert that was accepted and never came is lost, one that was never accepted is not', () => {
  const { accepted, delivered, lost } = accountOf(names, new Set([1, 2, 3].map(name)), [letter('<a>', 1), letter('<c>', 3)])
  assert.deepEqual({ accepted, delivered, lost }, { accepted: 3, delivered: 2, lost: 1 })
})

test('what is lost before the queue had it is told apart from what the queue has lost', () => {
  const accepted = new Set([1, 2, 3].map(name))
  const { lost, lostFromQueue } = accountOf(names, accepted, [letter('<a>', 1)], new Set([name(1), name(2)]))
  assert.deepEqual({ lost, lostFromQueue }, { lost: 2, lostFromQueue: 1 })
})

test('what came again is counted, and apart from it what a reader can tell by the Message-ID', () => {
  const letters = [letter('<a>', 1), letter('<a>', 1), letter('<b>', 2), letter('<other>', 2), letter('', 3), letter('', 3)]
  const { again, sameMessageId, delivered } = accountOf(names, new Set(names), letters)
  assert.deepEqual({ again, sameMessageId, delivered }, { again: 3, sameMessageId: 1, delivered: 3 })
})

test('an alert that comes behind a later one was passed; its repeat was not', () => {
  const letters = [letter('<a>', 1), letter('<d>', 4), letter('<b>', 2), letter('<c>', 3), letter('<a>', 1), letter('<e>', 5)]
  assert.equal(accountOf(names, new Set(names), letters).passed, 2)
})

test('one letter may tell several alerts', () => {
  const { delivered, lost } = accountOf(names, new Set(names), [letter('<digest>', 1, 2, 3, 4, 5)])
  assert.deepEqual({ delivered, lost }, { delivered: 5, lost: 0 })
})

test('an alert is known by its name, though a line may be broken inside it', () => {
  assert.deepEqual(numbersIn(`Subject: x\r\n\r\n${textOf(name(7)).replace('fix-d-', 'fix=\r\n-d-')} and ${name(8)}, ${name(7)}`), [
    name(7),
    name(8),
  ])
})

test('the quantile of nothing is not a number', () => {
  assert.equal(quantile([5, 1, 3], 0.5), 3)
  assert.equal(quantile([5, 1, 3], 0.99), 5)
  assert.ok(Number.isNaN(quantile([], 0.5)))
})
