/** A target as injectors word it: on a route (`route cache get session:*`), where `what` is what is taken there; or anything else. */
export function partsOf(target: string): { readonly route: string; readonly what: string } {
  const [, route = '', what = ''] = /^route (\S+) ([^]+)$/.exec(target) ?? [];
  return { route, what: route === '' ? target : what };
}

/** The same in short: `cache get session:*`. */
export function shortOf(target: string): string {
  const { route, what } = partsOf(target);
  return route === '' ? target : `${route} ${what}`;
}
