/** Names of the package managers there is a driver for: one row here, one file beside this and one row in `managers.ts`. */
export const MANAGER_NAMES = ['apt'] as const;
export type ManagerName = (typeof MANAGER_NAMES)[number];
