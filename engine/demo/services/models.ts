import { z } from 'zod';

/** What the services of the shop say to each other. Money is in cents. */
export const order = z.object({
  id: z.string().min(1).max(64),
  items: z.array(z.string()).min(1).max(20),
  cents: z.int().positive(),
});
export type Order = z.infer<typeof order>;
export const charge = z.object({ order: z.string().min(1).max(64), cents: z.int().positive() });
export type Charge = z.infer<typeof charge>;

/** What the shop sells: name -> price in cents. */
export const CATALOG: Readonly<Record<string, number>> = {
  'fire blanket': 2_490,
  'smoke alarm': 1_995,
  'escape ladder': 6_900,
  'water bucket': 1_250,
  helmet: 4_400,
};
