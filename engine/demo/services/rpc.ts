import { PRICES } from '../errands/grpc.ts';
import { CATALOG } from './models.ts';
import { report, runChild } from './service.ts';

/** The price list as a gRPC service. Its library comes with a checkout of Firebreak, hence is loaded only here. */
const { Server, ServerCredentials, status } = await import('@grpc/grpc-js');
const server = new Server();
server.addService(PRICES, {
  quote: (call: { readonly request: Record<string, unknown> }, answer: (error: object | null, value?: object) => void) => {
    const article = String(call.request['article']);
    const cents = CATALOG[article];
    if (cents === undefined) answer({ code: status.NOT_FOUND, details: `no article ${article}` });
    else answer(null, { article, cents });
  },
});
const port = process.argv.find((argument) => argument.startsWith('--port='))?.slice('--port='.length) ?? '0';
server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
  if (error !== null) throw error;
  report({ port: bound });
});
runChild(() => {});
