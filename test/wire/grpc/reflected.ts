import { credentials, makeGenericClientConstructor, type ServiceDefinition, type ServiceError } from '@grpc/grpc-js';
import { fromJSON, loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader';

/** What is needed of https://github.com/grpc/grpc-proto/blob/master/grpc/reflection/v1/reflection.proto */
const reflection = fromJSON(
  {
    nested: { grpc: { nested: { reflection: { nested: { v1: { nested: {
      ServerReflection: {
        methods: { ServerReflectionInfo: { requestType: 'Request', requestStream: true, responseType: 'Response', responseStream: true, comment: '' } },
      },
      Request: { fields: { host: { type: 'string', id: 1 }, fileContainingSymbol: { type: 'string', id: 4 } } },
      Files: { fields: { fileDescriptorProto: { rule: 'repeated', type: 'bytes', id: 1 } } },
      Response: { fields: { fileDescriptorResponse: { type: 'Files', id: 4 } } },
    } } } } } } },
  },
  { keepCase: true },
);
const SERVICE = reflection['grpc.reflection.v1.ServerReflection'] as unknown as ServiceDefinition;

/** The definition of a service as its server describes it: what tools without a .proto file do. */
export async function reflected(address: string, symbol: string): Promise<ServiceDefinition> {
  const client = new (makeGenericClientConstructor(SERVICE, 'ServerReflection'))(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  try {
    const files = await new Promise<readonly Buffer[]>((resolve, reject) => {
      const call = (client['ServerReflectionInfo'] as () => NodeJS.EventEmitter & { write(request: object): void; end(): void }).call(client);
      call.on('data', ({ fileDescriptorResponse }: { fileDescriptorResponse: { fileDescriptorProto: Buffer[] } }) => {
        resolve(fileDescriptorResponse.fileDescriptorProto);
        call.end();
      });
      call.on('error', (error: ServiceError) => reject(error));
      call.write({ fileContainingSymbol: symbol });
    });
    // A FileDescriptorSet is its files, each as field 1.
    const set = Buffer.concat(files.flatMap((file) => [Buffer.from([0x0a]), varint(file.length), file]));
    return loadFileDescriptorSetFromBuffer(set, { keepCase: true, defaults: true })[symbol] as unknown as ServiceDefinition;
  } finally {
    client.close();
  }
}
function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    bytes.push(rest < 128 ? rest : (rest & 127) | 128);
    if (rest < 128) return Buffer.from(bytes);
  }
}
