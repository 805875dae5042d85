// Runs in the browser, as a hostile page would run it; test/host/hostile.test.ts hands it over as text.
async ({ room, token }) => {
  const got = {};
  const attempt = async (name, work) => {
    got[name] = await work().catch(() => 'nothing');
  };
  const read = async (url, options = {}) => {
    const answer = await fetch(url, options);
    return `${answer.type} ${answer.status} ${await answer.text()}`;
  };
  for (const path of ['/', '/metrics', `/metrics?token=${token}`, '/main-ABCD2345.js']) {
    await attempt(`fetch ${path.slice(0, 12)}`, () => read(room + path));
    await attempt(`fetch no-cors ${path.slice(0, 12)}`, () => read(room + path, { mode: 'no-cors', credentials: 'include' }));
  }
  await attempt('fetch with bearer', () => read(`${room}/metrics`, { headers: { authorization: `Bearer ${token}` } }));
  await attempt('post json', () => read(`${room}/contract`, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }));
  // Even the right token opens nothing to another origin.
  for (const protocols of [[], ['firebreak.v1'], ['firebreak.v1', 'token.guess'], ['firebreak.v1', `token.${token}`]]) {
    await attempt(`websocket ${protocols.length} ${protocols[1]?.length ?? 0}`, () => {
      const socket = new WebSocket(`${room.replace('http', 'ws')}/contract`, protocols);
      return new Promise((resolve) => {
        socket.onopen = () => resolve('open');
        socket.onerror = () => resolve('nothing');
      });
    });
  }
  const load = (tag, path) => {
    const element = document.createElement(tag);
    if (tag === 'link') element.setAttribute('rel', 'stylesheet');
    element.setAttribute(tag === 'link' ? 'href' : tag === 'object' ? 'data' : 'src', room + path);
    return new Promise((resolve) => {
      element.onload = () => resolve(element instanceof HTMLIFrameElement && element.contentDocument === null ? 'nothing' : 'loaded');
      element.onerror = () => resolve('nothing');
      document.body.append(element);
    });
  };
  await attempt('script', () => load('script', '/main-ABCD2345.js'));
  await attempt('image', () => load('img', '/'));
  await attempt('style', () => load('link', '/main-ABCD2345.js'));
  await attempt('object', () => load('object', '/'));
  await attempt('iframe', () => load('iframe', '/'));
  return got;
}
