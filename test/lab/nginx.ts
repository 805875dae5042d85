import { join } from 'node:path';
import { type LabServer, startServer } from './server.ts';

/** nginx with HTTP/2 and without TLS: a file of 200,000 bytes, and the path and body length of whatever else is asked. */
export function startNginx(): Promise<LabServer> {
  return startServer({
    title: 'nginx',
    needs: ['nginx'],
    files: ({ folder, port }) => ({ large: 'x'.repeat(200_000), 'nginx.conf': config(folder, port) }),
    command: ({ folder }) => ['nginx', '-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')],
    stopSignal: 'SIGQUIT',
  });
}

const config = (folder: string, port: number): string => `
daemon off;
worker_processes 1;
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${folder}/pid;
error_log ${folder}/error.log warn;
events {}
http {
  access_log off;
  keepalive_requests 1000000;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  server {
    listen 127.0.0.1:${port} http2;
    root ${folder};
    location = /large { }
    location / { default_type text/plain; return 200 "$request_method $uri $http_x_tier"; }
  }
}
`;
