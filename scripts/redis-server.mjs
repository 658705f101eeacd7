// Sees to it that a `redis-server` program is there, when one is needed: the fleet starts it itself, as a private child.
// On Debian and Ubuntu it installs the package, without starting or leaving behind a service.

import { existsSync } from 'node:fs';
import { capture, findOnPath, say } from './project.mjs';

const policyFile = '/usr/sbin/policy-rc.d';

// Debian starts a service as soon as it is unpacked, unless policy-rc.d says no. A policy that is there already stays.
const install = `
set -e
export DEBIAN_FRONTEND=noninteractive
made=
if [ ! -e ${policyFile} ]; then
  printf '#!/bin/sh\\nexit 101\\n' > ${policyFile}
  chmod 755 ${policyFile}
  made=yes
fi
trap '[ -z "$made" ] || rm -f ${policyFile}' EXIT
apt-get update -qq
apt-get install -y -qq --no-install-recommends redis-server
if [ -n "$made" ] && [ -d /run/systemd/system ]; then systemctl disable --quiet redis-server || true; fi
`;

/**
 * @returns undefined when `redis-server` is on PATH (installed just now, if this machine lets us), else a sentence
 * that says what to type.
 */
export function ensureRedisServer() {
  if (findOnPath('redis-server')) return undefined;
  const prefix = rootPrefix();
  if (!existsSync('/usr/bin/apt-get') || !prefix) return advice();
  say('installing redis-server (apt-get); its service is not started');
  const [command, ...args] = [...prefix, 'sh', '-c', install];
  const result = capture(command, args);
  if (findOnPath('redis-server')) return undefined;
  return `${advice()}\n${result.output}`;
}

/** The words that make a command run as root, or undefined when that would need a password. */
function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  return findOnPath('sudo') && capture('sudo', ['-n', 'true']).ok ? ['sudo', '-n'] : undefined;
}

function advice() {
  const command = process.platform === 'darwin' ? 'brew install redis' : 'sudo apt-get install redis-server';
  return `expected redis-server to be on PATH, got nothing; type \`${command}\`, or set FILEFLEET_REDIS_URL to a Redis that is running`;
}
