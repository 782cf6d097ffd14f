/** Control: what dpkg is told of the package (Debian Policy chapter 5), and what it does when it comes and goes. Pure. */
export type Package = { version: string; arch: 'amd64' | 'arm64'; installedKiB: number }

export const control = ({ version, arch, installedKiB }: Package): string =>
  [
    'Package: outpost',
    `Version: ${version}`,
    `Architecture: ${arch}`,
    'Section: mail',
    'Priority: optional',
    'Maintainer: Outpost <outpost@example.org>',
    `Installed-Size: ${installedKiB}`,
    'Depends: libc6 (>= 2.28), libgcc-s1, libstdc++6, ca-certificates, systemd',
    'Recommends: systemd-timesyncd | time-daemon',
    'Description: mail gateway for edge hardware',
    ' Takes in alerts over serial lines and MQTT, composes them as mail, keeps them',
    ' on the device through power cuts and outages, and relays them over SMTP.',
    ' It brings its own Node.js and is configured on a local page, on port 8080.',
    '',
  ].join('\n')

const shell = (...lines: string[]): string => ['#!/bin/sh', 'set -e', ...lines, ''].join('\n')
/** Where there is no systemd, as in a container or while an image is made, nothing can be started. */
const running = '[ -d /run/systemd/system ]'

/** Of the device's own units, those that a machine with its own system needs, too. */
export const units = ['outpost.service', 'outpost-clock.path', 'outpost-clock.service'] as const
const enabled = 'outpost-clock.path outpost.service'

export const scripts: Readonly<Record<string, string>> = {
  postinst: shell(
    'systemd-sysusers outpost.conf',
    'if [ "$1" = configure ]; then',
    `  if ${running}; then`,
    '    systemctl daemon-reload',
    '    # A class of devices that the kernel does not know when the unit starts is refused until it starts again, and lamps get their group by the rule.',
    '    systemctl restart systemd-modules-load.service || true',
    '    udevadm control --reload 2>/dev/null || true',
    '    udevadm trigger --subsystem-match=leds 2>/dev/null || true',
    `    systemctl enable --quiet ${enabled}`,
    `    systemctl restart ${enabled}`,
    '    echo "Outpost runs, its page is on port 8080. outpost board label --text prints the claim code."',
    '  else',
    `    systemctl enable --quiet ${enabled} || true`,
    '  fi',
    'fi',
  ),
  prerm: shell(`if [ "$1" = remove ] && ${running}; then systemctl disable --now --quiet ${enabled}; fi`),
  postrm: shell(
    `if ${running}; then systemctl daemon-reload; fi`,
    '# Letters that wait are worth more than tidiness: only purge takes them away.',
    'if [ "$1" = purge ]; then rm -rf /var/lib/outpost; fi',
  ),
}
