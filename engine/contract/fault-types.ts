/** The fault types as every host knows them, for those that may not reach into the engine's rooms. */
export { manifestOf, manifests } from '../faults/manifests.ts';
