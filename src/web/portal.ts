/**
 * Portal: what telephones and laptops ask when they have joined a network. A box that nobody has claimed sends them to its page, so that it comes up by itself; later it says
 * what they want to hear, so that they stay on its network. Pure.
 */
const probes: Readonly<Record<string, { status: number; body: string; type: string }>> = {
  // Android, ChromeOS
  '/generate_204': { status: 204, body: '', type: 'text/plain' },
  '/gen_204': { status: 204, body: '', type: 'text/plain' },
  // Apple
  '/hotspot-detect.html': {
    status: 200,
    body: '<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>',
    type: 'text/html',
  },
  '/library/test/success.html': {
    status: 200,
    body: '<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>',
    type: 'text/html',
  },
  // Windows
  '/connecttest.txt': { status: 200, body: 'Microsoft Connect Test', type: 'text/plain' },
  '/ncsi.txt': { status: 200, body: 'Microsoft NCSI', type: 'text/plain' },
  // Firefox, NetworkManager
  '/success.txt': { status: 200, body: 'success\n', type: 'text/plain' },
  '/canonical.html': {
    status: 200,
    body: '<meta http-equiv="refresh" content="0;url=https://support.mozilla.org/kb/captive-portal"/>',
    type: 'text/html',
  },
  '/check_network_status.txt': { status: 200, body: 'NetworkManager is online\n', type: 'text/plain' },
}

/** Undefined: this is no such question. `page`: the address of the page, since the name that was asked for is another's. */
export function portalAnswer(path: string, claimed: boolean, page: string): Response | undefined {
  const probe = Object.hasOwn(probes, path) ? probes[path] : undefined
  if (!probe) return undefined
  if (!claimed) return new Response(null, { status: 302, headers: { Location: page, 'Cache-Control': 'no-store' } })
  const { status, body, type } = probe
  return new Response(status === 204 ? null : body, { status, headers: { 'Content-Type': type, 'Cache-Control': 'no-store' } })
}
