/** Package selections of mmdebstrap that give a system which can run steps. */
export const VARIANTS = ['essential', 'apt', 'minbase', 'buildd', 'important', 'standard'] as const;
