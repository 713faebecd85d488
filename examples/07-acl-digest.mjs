/** Who may do what: access control lists with user and password (scheme `digest`). */
import { CREATOR_ALL_ACL, NoAuthError, Perms, connect, digestAcl } from 'zk-conn';
import { playground } from './support.mjs';

async function attempt(what, call) {
  try {
    await call();
    console.log(`${what}: allowed`);
  } catch (error) {
    if (!(error instanceof NoAuthError)) throw error;
    console.log(`${what}: ${error.code}`);
  }
}

await playground(async (servers) => {
  // presented on every connection, before anything else, also after a reconnect
  const owner = await connect(servers, { auth: [{ scheme: 'digest', auth: 'owner:secret' }] });
  const guest = await connect(servers);

  // whoever makes it, with the credentials he has then, may do everything; nobody else anything
  await owner.create('/private', 'mine', { acl: CREATOR_ALL_ACL });
  await attempt('guest reads /private', () => guest.get('/private'));
  await attempt('owner reads /private', () => owner.get('/private'));

  // one entry more: an operator, known by his password, may read
  await owner.setAcl('/private', [...CREATOR_ALL_ACL, digestAcl(Perms.READ, 'operator:sesame')]);
  await guest.addAuth('digest', 'operator:sesame');
  await attempt('operator reads /private', () => guest.get('/private'));
  await attempt('operator writes /private', () => guest.set('/private', 'ours'));

  const { acl } = await owner.getAcl('/private');
  console.log(`ids: ${acl.map(({ id }) => id.split(':')[0]).join(', ')}`);

  // deletion asks for permission on the parent, so here anybody may
  await owner.delete('/private');
  await Promise.all([owner.close(), guest.close()]);
});
