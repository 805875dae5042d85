/** The nonce that the page's security policy grants to style elements made by scripts (CodeMirror, scroll locks). */
export const STYLE_NONCE = document.querySelector('meta[name="firebreak-nonce"]')?.getAttribute('content') ?? '';
Object.assign(globalThis, { firebreakNonce: STYLE_NONCE });
