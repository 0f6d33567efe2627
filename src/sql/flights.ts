/** What can be sent in one round trip: whole transactions, and runs of changes in an open one. Loaded only for databases that support it. */
import { createFly, createNaming, type Fly, type FlightParts } from "./flight.js";
import { createSendPart, type SendPart } from "./flight-part.js";

export interface Flights {
  readonly send: Fly;
  readonly sendPart: SendPart;
}

export type FlightsParts = Omit<FlightParts, "named">;

export function createFlights(parts: FlightsParts): Flights {
  const named = createNaming();
  return { send: createFly({ ...parts, named }), sendPart: createSendPart({ ...parts, named }) };
}
