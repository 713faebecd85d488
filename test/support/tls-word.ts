/** A four-letter word over TLS. */
import { connect } from 'node:tls';
import type { Address } from './raw-client.js';

/** Sends it and reads the answer to its end. @param ca PEM of who signed the server's certificate */
export async function tlsWord(
  { host = '127.0.0.1', port }: Address,
  word: string,
  ca: string,
): Promise<string> {
  const socket = connect({ host, port, ca });
  socket.write(word);
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}
