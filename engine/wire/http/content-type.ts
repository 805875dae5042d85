/** What the body of a refusal is, as a `Content-Type`. */
export function contentTypeOf(body: Uint8Array): string {
  try {
    JSON.parse(Buffer.from(body).toString('utf8'));
    return 'application/json';
  } catch {
    return 'text/plain; charset=utf-8';
  }
}
