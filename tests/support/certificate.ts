// A certificate for this machine that nobody but its test knows: made by `openssl`, its own authority, good for a day.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export interface Certificate {
  /** Paths in PEM. */
  readonly certificate: string;
  readonly key: string;
}

/** Whether there is an `openssl` that makes certificates. */
export function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Makes one for 127.0.0.1. @param folder where its two files go. */
export function makeCertificate(folder: string): Certificate {
  const made = { certificate: join(folder, 'certificate.pem'), key: join(folder, 'key.pem') };
  const who = ['-subj', '/CN=filefleet test', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const files = ['-keyout', made.key, '-out', made.certificate];
  execFileSync('openssl', [...kind, ...files, '-days', '1', ...who], { stdio: 'ignore' });
  return made;
}
