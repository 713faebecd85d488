/** The parts of a run. */
import { runCalls } from './calls.mjs';

export const PARTS = {
  calls: { title: 'calls, against a responder that does no work', run: runCalls },
};
