/** What every answer says to the browser, whichever host gives it. */

/** Where a page may connect to, and the nonce of its style elements; both differ from one answer to the next. */
export interface PagePolicy {
  /** For `style-src`; as `newNonce` gives it. */
  readonly nonce: string;
  /** Sources for `connect-src`, such as `ws://127.0.0.1:7070`; none when the page reaches its engine otherwise. */
  readonly connect: readonly string[];
}

/** Nothing may be loaded, run, framed or sent: for answers that are no page. */
const NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * The headers of one answer: with a policy those of the room's page, without those of anything else. No origin but the
 * page's own is let in by any of them, and the page cannot be framed or keep a handle on who opened it.
 */
export function securityHeaders(page?: PagePolicy): Record<string, string> {
  return {
    'content-security-policy': page === undefined ? NOTHING : pageSources(page),
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  };
}

/** Scripts, styles and fonts come from the build alone; `data:` images are icons that the build put into its styles. */
const pageSources = ({ nonce, connect }: PagePolicy): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "font-src 'self'",
    "img-src 'self' data:",
    `connect-src ${connect.length === 0 ? "'none'" : connect.join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
