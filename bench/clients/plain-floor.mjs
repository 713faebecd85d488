/** The floor, which hands each request to the socket by itself. */
import { open as openFloor } from './floor.mjs';

export function open(given) {
  return openFloor({ ...given, oneByOne: true });
}
