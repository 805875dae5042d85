/** The static table of HPACK (RFC 7541, Appendix A), from index 1 on. */
const FIELDS: readonly (readonly [string, string])[] = [
  [':authority', ''], [':method', 'GET'], [':method', 'POST'], [':path', '/'], [':path', '/index.html'], [':scheme', 'http'],
  [':scheme', 'https'], [':status', '200'], [':status', '204'], [':status', '206'], [':status', '304'], [':status', '400'],
  [':status', '404'], [':status', '500'], ['accept-charset', ''], ['accept-encoding', 'gzip, deflate'], ['accept-language', ''],
  ['accept-ranges', ''], ['accept', ''], ['access-control-allow-origin', ''], ['age', ''], ['allow', ''], ['authorization', ''],
  ['cache-control', ''], ['content-disposition', ''], ['content-encoding', ''], ['content-language', ''], ['content-length', ''],
  ['content-location', ''], ['content-range', ''], ['content-type', ''], ['cookie', ''], ['date', ''], ['etag', ''], ['expect', ''],
  ['expires', ''], ['from', ''], ['host', ''], ['if-match', ''], ['if-modified-since', ''], ['if-none-match', ''], ['if-range', ''],
  ['if-unmodified-since', ''], ['last-modified', ''], ['link', ''], ['location', ''], ['max-forwards', ''],
  ['proxy-authenticate', ''], ['proxy-authorization', ''], ['range', ''], ['referer', ''], ['refresh', ''], ['retry-after', ''],
  ['server', ''], ['set-cookie', ''], ['strict-transport-security', ''], ['transfer-encoding', ''], ['user-agent', ''], ['vary', ''],
  ['via', ''], ['www-authenticate', ''],
];

/** How many entries the static table has; the dynamic table begins behind it. */
export const STATIC_SIZE = FIELDS.length;
/** Name and value of each entry in one buffer: entry i has [STATIC_AT[2i], STATIC_AT[2i + 1]) and [STATIC_AT[2i + 1], STATIC_AT[2i + 2]). */
export const STATIC_TEXT = Buffer.from(FIELDS.map(([name, value]) => name + value).join(''), 'latin1');
export const STATIC_AT = Int32Array.from([0, ...FIELDS.flatMap(([name, value]) => [name.length, value.length])]);
for (let i = 1; i < STATIC_AT.length; i++) STATIC_AT[i] = (STATIC_AT[i] as number) + (STATIC_AT[i - 1] as number);
