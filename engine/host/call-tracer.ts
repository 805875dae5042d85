/** Why calls of other processes cannot be changed on their way here, or ''. */
export const noTracing = (): string => 'this version cannot change calls on their way';
