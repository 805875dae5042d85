export { defaultStateDir } from '../kernel/state-dir.ts';

export const DEFAULT_REPORT_DIR = 'reports';
