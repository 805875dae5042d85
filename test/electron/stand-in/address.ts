/**
 * Chromium knows no `app:` scheme and cannot be taught one from outside. Its pages are shown at https addresses that no
 * DNS has; everything that the program under test sees bears the true address.
 */
const SUFFIX = '.app.invalid';

export function toWeb(address: string): string {
  return address.replace(/^app:\/\/([^/]+)/, (_all, host: string) => `https://${host}${SUFFIX}`);
}
export function toApp(address: string): string {
  return address.replace(/^https:\/\/([^/]+)\.app\.invalid(?=\/|$)/, (_all, host: string) => `app://${host}`);
}
