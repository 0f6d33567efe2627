/** Identical transactions in flight in one process share one execution, before any of them takes a connection. */

interface Flights<Result> {
  /** Runs `execute`, or waits for the run under way for the same key in the same place. */
  join(
    place: object,
    key: string,
    execute: () => Promise<Result>,
  ): Promise<{ readonly result: Result; readonly shared: boolean }>;
}

export function createFlights<Result>(): Flights<Result> {
  // By database: in different ones, the same identity is not the same transaction.
  const places = new WeakMap<object, Map<string, Promise<Result>>>();

  return {
    async join(place, key, execute) {
      const flights = places.get(place) ?? new Map<string, Promise<Result>>();
      places.set(place, flights);
      const underWay = flights.get(key);
      if (underWay !== undefined) return { result: await underWay, shared: true };
      const flight = execute().finally(() => flights.delete(key));
      flights.set(key, flight);
      return { result: await flight, shared: false };
    },
  };
}
