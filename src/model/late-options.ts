/** What a live machine is known by: `ID`, `Host`, `Port`, `User` … */
export type MachineFacts = Readonly<Record<string, string>>;

/**
 * Options as a kind gets them when it runs, where those of the graph only stand in for them: they hold facts of the
 * machine, or secrets, which belong in no key. Carried beside a compiled graph, in memory only.
 * @param id a node's id, or a pipeline's for its builder
 * @returns undefined when the options of the graph are what they say
 * @throws FailureError when the options cannot be made with these facts
 */
export type LateOptions = (id: string, facts: MachineFacts) => Readonly<Record<string, unknown>> | undefined;
