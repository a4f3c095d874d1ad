/**
 * Works on items side by side, at most `window` at a time, and gives the results in the order of the items. When the
 * reader stops or an item fails, what is running is waited for, so that nothing goes on behind its back.
 */
export async function* inOrder<Item, Value>(
  items: AsyncIterable<Item> | Iterable<Item>,
  window: number,
  work: (item: Item) => Promise<Value>,
): AsyncGenerator<readonly [Item, Value]> {
  const running: { item: Item; value: Promise<Value> }[] = [];
  try {
    for await (const item of items) {
      const value = work(item);
      // A failure is told when its turn comes; until then it is not unhandled.
      value.catch(() => undefined);
      running.push({ item, value });
      const first = running.length < window ? undefined : running.shift();
      if (first !== undefined) yield [first.item, await first.value];
    }
    for (let first = running.shift(); first !== undefined; first = running.shift())
      yield [first.item, await first.value];
  } finally {
    await Promise.allSettled(running.map(({ value }) => value));
  }
}
