declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** `sha256:` and 64 lower-case hex digits: identity of stored bytes or of a layer's tree. */
export type Digest = Brand<string, 'Digest'>;
/** 64 lower-case hex digits: SHA-256 of the canonical JSON of a `KeyInputs` record. */
export type CacheKey = Brand<string, 'CacheKey'>;
/** `pipeline/step` or `pipeline[amd64]/step`: unique in a project, stable between runs, safe to type. */
export type NodeId = Brand<string, 'NodeId'>;

export const asDigest = (text: string): Digest => text as Digest;
export const asCacheKey = (text: string): CacheKey => text as CacheKey;
export const asNodeId = (text: string): NodeId => text as NodeId;
