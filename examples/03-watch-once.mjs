/** A watch is one-shot: it tells of one change, and is armed again by the next read. */
import { connect } from 'zk-conn';
import { playground } from './support.mjs';

await playground(async (servers) => {
  const [reader, writer] = await Promise.all([connect(servers), connect(servers)]);
  await writer.create('/light', 'red');

  // the value and the watch come from one request: no change can fall between the two
  const { data, watch } = await reader.getW('/light');
  console.log(`the light is ${data.toString()}`);

  await writer.set('/light', 'green');
  const event = await watch.event;
  console.log(`${event.type} ${event.path}`);

  // the event does not carry the value; read it, and arm the next watch with the same request
  const again = await reader.getW('/light');
  console.log(`the light is ${again.data.toString()}`);

  // existsW also waits for what is not there yet
  const absent = await reader.existsW('/siren');
  console.log(`siren: ${absent.stat}`);
  await writer.create('/siren');
  console.log(`${(await absent.watch.event).type} /siren`);

  // a watch is an async iterable too, of one event at most; close() gives it up
  again.watch.close();
  for await (const late of again.watch) console.log('never printed', late);
  console.log('the closed watch said nothing');

  await Promise.all([reader.close(), writer.close()]);
});
