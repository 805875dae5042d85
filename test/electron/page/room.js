// The least that a page can do with the window's bridge, so that the tests of the host depend on no view.
const api = window.firebreak;
const waiting = new Map();
let next = 1;
let port;

globalThis.seen = { menu: [], files: [], notices: [], ports: 0, closed: 0, portOrigin: '' };
window.addEventListener('message', (event) => {
  if (event.data?.type !== 'firebreak-port') return;
  port = event.ports[0];
  seen.ports += 1;
  seen.portOrigin = event.origin === location.origin ? 'own' : event.origin;
  port.onmessage = ({ data }) => {
    if (data.closed !== undefined) return void (seen.closed += 1);
    const reply = JSON.parse(data);
    waiting.get(reply.id)?.(reply);
    waiting.delete(reply.id);
  };
});
globalThis.call = (kind, name, input) =>
  new Promise((resolve, reject) => {
    const id = next++;
    waiting.set(id, (reply) =>
      reply.kind === 'result' ? resolve(reply.value) : reject(new Error(reply.error?.message)),
    );
    port.postMessage(JSON.stringify({ id, kind, name, input }));
  });
api.onMenu((action) => seen.menu.push(action));
api.onFile((file) => seen.files.push(file));
api.onNotice((notice) => seen.notices.push(notice));
api.connect();
