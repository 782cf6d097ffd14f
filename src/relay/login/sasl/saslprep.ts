/**
 * SASLprep (RFC 4013) of a stored string: both ends must make the same octets of a password before they digest it.
 *
 * Not done: Table A.1 of RFC 3454 (code points that Unicode 3.2 did not have); those that are assigned today pass, as most servers let them.
 * Where two readings of the RFC differ, the string counts as one that cannot be prepared, so that nothing is digested that the server
 * would digest otherwise.
 */
/** Table B.1: mapped to nothing. */
const nothing = /\u034f|[\u180b-\u180d]|[\ufe00-\ufe0f]|[\u00ad\u1806\u2060\ufeff]|\u200c|\u200d/g
/** Table C.1.2: mapped to a space. U+200B stands in both tables, see `prohibited`. */
const spaces = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g
/** U+200B, and tables C.2 to C.9; private use, surrogates and what has no meaning by their properties. */
const prohibited =
  /[\u0000-\u001f\u007f-\u009f\u06dd\u070f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2063\u206a-\u206f\u2ff0-\u2ffb\ufeff\ufff9-\ufffd\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]|\p{Co}|\p{Cs}|\p{Cn}/u
/** Table D.1: letters that run from right to left. */
const rightToLeft =
  /[\u05be\u05c0\u05c3\u05d0-\u05ea\u05f0-\u05f4\u061b\u061f\u0621-\u063a\u0640-\u064a\u066d-\u066f\u0671-\u06d5\u06dd\u06e5\u06e6\u06fa-\u06fe\u0700-\u070d\u0710\u0712-\u072c\u0780-\u07a5\u07b1\ufb1d\ufb1f-\ufb28\ufb2a-\ufb36\ufb38-\ufb3c\ufb3e\ufb40\ufb41\ufb43\ufb44\ufb46-\ufbb1\ufbd3-\ufd3d\ufd50-\ufd8f\ufd92-\ufdc7\ufdf0-\ufdfc\ufe70-\ufe74\ufe76-\ufefc]/u
/** What may stand between such letters without any doubt: marks, and ASCII that is no letter. */
const neutral = /^(?:\p{Mn}|[\x20-\x40\x5b-\x60\x7b-\x7e])$/u

/** The prepared string; undefined when there is none. */
export function saslPrep(text: string): string | undefined {
  if (/^[\x20-\x7e]*$/.test(text)) return text
  if (text.includes('\u200b')) return undefined
  const mapped = text.replace(nothing, '').replace(spaces, ' ').normalize('NFKC')
  return prohibited.test(mapped) || !runsOneWay(mapped) ? undefined : mapped
}

/** RFC 3454 section 6: a string with such a letter begins and ends with one, and holds none that runs the other way. */
function runsOneWay(text: string): boolean {
  const letters = [...text]
  if (!letters.some((letter) => rightToLeft.test(letter))) return true
  return (
    rightToLeft.test(letters[0] ?? '') &&
    rightToLeft.test(letters.at(-1) ?? '') &&
    letters.every((letter) => rightToLeft.test(letter) || neutral.test(letter))
  )
}
