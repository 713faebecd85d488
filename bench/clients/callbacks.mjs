/** Runs a client that takes callbacks: `issue(done)` begins one operation. */
export function runCallbacks(issue, depth, state) {
  return new Promise((resolve, reject) => {
    let underWay = depth;
    const begin = () => {
      const at = state.sample === null ? 0 : performance.now();
      issue((error) => {
        if (error) {
          reject(error);
          return;
        }
        if (state.sample !== null) state.sample(performance.now() - at);
        if (++state.ops >= state.limit) state.running = false;
        if (state.running) begin();
        else if (--underWay === 0) resolve();
      });
    };
    for (let i = 0; i < depth; i++) begin();
  });
}
