/**
 * Takes out of a text what must not be shown on a shared screen. It errs towards blotting: a value that was harmless is
 * a nuisance, one that was not is a leak.
 */

/** What stands in the place of a secret. */
export const BLOT = '***';

/** Fields that carry credentials: Authorization, Proxy-Authorization, Cookie, Set-Cookie, X-Api-Key, and their relatives. */
const SECRET_FIELD = /auth(?!or)|cookie|token|secret|passw|credential|session|signature|jwt|csrf|xsrf|(api|access|private)[-_]?key/i;
/** Names of query parameters: those of OAuth 2.0 (RFC 6749), of signed URLs (S3, Azure), and what people call theirs. */
const SECRET_PARAMETER =
  /token|secret|passw|credential|session|signature|jwt|auth(?!or)|(api|access|private)[-_]?key|(^|[-_.[])(key|sig|sas|sid|code|nonce|otp|pin|pwd|pass)($|[-_.\]])/i;
/** Shorter values are rarely secrets of their own accord; a session id of 128 bits takes 22 characters of base64. */
const TOKEN_LENGTH = 20;
const TOKEN = /^(?=.*\d)(?=.*[A-Za-z])[\w.~+/=%-]+$/;
const PARAMETER = /([?&;])([^=&;#\s]+)(?:=([^&;#\s]*))?/g;
/** RFC 7519: both parts begin as the base64 of `{"`. */
const WEB_TOKEN = /eyJ[\w-]{8,}\.[\w-]*(?:\.[\w-]*)?/g;
const USER_INFO = /\/\/[^/@\s?#]+@/g;
/** A field value that is nothing but a credential (RFC 9110, 11.4), under whatever name. */
const CREDENTIAL = /^\s*(?:bearer|basic|digest|negotiate|apikey|token)\s+\S/i;

/** One field line, such as `Cookie: a=b`. */
export function blotField(line: string): string {
  const colon = line.indexOf(':');
  const value = line.slice(colon + 1);
  if (SECRET_FIELD.test(line.slice(0, colon)) || CREDENTIAL.test(value)) return `${line.slice(0, colon)}: ${BLOT}`;
  return blotText(line);
}

/** Credentials in URLs and web tokens, wherever they stand. */
export function blotText(text: string): string {
  let clean = text;
  if (clean.includes('?')) clean = clean.replace(PARAMETER, blotParameter);
  if (clean.includes('@')) clean = clean.replace(USER_INFO, `//${BLOT}@`);
  if (clean.includes('eyJ')) clean = clean.replace(WEB_TOKEN, BLOT);
  return clean;
}

function blotParameter(whole: string, separator: string, name: string, value: string | undefined): string {
  if (value === undefined) return isToken(name) ? separator + BLOT : whole;
  return SECRET_PARAMETER.test(decoded(name)) || isToken(value) ? `${separator}${name}=${BLOT}` : whole;
}
const isToken = (value: string): boolean => value.length >= TOKEN_LENGTH && TOKEN.test(value);

/** `access%5Ftoken` is a name too. */
function decoded(name: string): string {
  if (!name.includes('%')) return name;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
