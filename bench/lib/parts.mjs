/** The parts of a run. */
import { runCalls } from './calls.mjs';
import { runMini } from './mini.mjs';
import { runReal } from './real.mjs';
import { runSize } from './start-and-size.mjs';
import { runTracing } from './tracing.mjs';
import { runWatches } from './watches.mjs';

export const PARTS = {
  calls: { title: 'calls, against a responder that does no work', run: runCalls },
  tracing: { title: 'tracing code that nobody listens to', run: runTracing },
  real: { title: 'calls, against servers that work', run: runReal },
  watches: { title: 'watches', run: runWatches },
  mini: { title: 'the mini-server', run: runMini },
  size: { title: 'start and size', run: runSize },
};
