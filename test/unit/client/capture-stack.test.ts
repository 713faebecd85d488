import { describe, expect, it } from 'vitest';
import { Errno, NoNodeError } from '../../../src/index.js';
import { ScriptedServer, rejectionOf, settle } from '../../support/scripted-server.js';

describe('captureStack', () => {
  async function failing(captureStack: boolean): Promise<Error> {
    const server = new ScriptedServer();
    const conn = await server.connected({ captureStack });
    server.link.take();
    const rejected = rejectionOf(theCallOfTheUser(() => conn.get('/none')));
    await settle();
    await server.link.refuse(server.link.takeOne(), Errno.NoNode);
    void conn.close();
    await server.clock.advance(2000);
    return (await rejected) as Error;
  }

  const theCallOfTheUser = <T>(call: () => Promise<T>): Promise<T> => call();

  it('shows where the call was made', async () => {
    const error = await failing(true);
    expect(error).toBeInstanceOf(NoNodeError);
    expect(error.stack).toContain('---- called from');
    expect(error.stack).toContain('theCallOfTheUser');
  });

  it('is off by default, and then costs nothing and shows nothing', async () => {
    const { stackTraceLimit } = Error;
    const error = await failing(false);
    // no line of ours either: capturing them would be most of what a refused call costs
    expect(error.stack).toMatch(/^\w+: getData \/none: .*$/);
    expect(Error.stackTraceLimit).toBe(stackTraceLimit);
  });

  it('leaves their stacks to mistakes that are found where the call is made', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected({});
    const error = (await rejectionOf(theCallOfTheUser(() => conn.get('no slash')))) as Error;
    expect(error.stack).toContain('theCallOfTheUser');
    void conn.close();
    await server.clock.advance(2000);
  });
});
