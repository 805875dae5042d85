/** The real servers that tests talk to: started in folders of their own, on free ports, and ended by their guard. */
export {
  accepts,
  freePort,
  missingPrograms as missing,
  programOf,
  type ServerProcess as LabServer,
  startServer,
} from '../../engine/host/server-process.ts';
