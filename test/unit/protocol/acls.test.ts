import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  CREATOR_ALL_ACL,
  digestAcl,
  digestId,
  OPEN_ACL_UNSAFE,
  READ_ACL_UNSAFE,
} from '../../../src/protocol/acls.js';
import { Perms } from '../../../src/protocol/constants.js';

describe('digestId', () => {
  it.each([
    ['super:test', 'super:D/InIHSb7yEEbrWz8b9l71RjZJU='],
    ['user:password', 'user:tpUq/4Pn5A64fVZyQ0gOJ8ZWqkY='],
  ])('%s as Java has it', (text, id) => {
    expect(digestId(text)).toBe(id);
  });

  it('takes bytes as well, of any view', () => {
    expect(digestId(Buffer.from('super:test'))).toBe(digestId('super:test'));
    const inside = new TextEncoder().encode('xsuper:testx').subarray(1, 11);
    expect(digestId(inside)).toBe(digestId('super:test'));
  });

  it('the user ends at the first colon, the digest is of everything', () => {
    const sha1 = createHash('sha1').update('u:p:q').digest('base64');
    expect(digestId('u:p:q')).toBe(`u:${sha1}`);
  });

  it('without a colon all of it is the user', () => {
    expect(digestId('bob')).toBe(`bob:${createHash('sha1').update('bob').digest('base64')}`);
    expect(digestId('')).toBe(':2jmj7l5rSw0yVb/vlWAYkK/YBwk=');
  });

  it('hashes UTF-8', () => {
    expect(digestId('ü:ß')).toBe(
      `ü:${createHash('sha1').update(Buffer.from('ü:ß', 'utf8')).digest('base64')}`,
    );
  });
});

describe('ACL constants', () => {
  it('are those of ZooDefs.Ids', () => {
    expect(OPEN_ACL_UNSAFE).toEqual([{ perms: 31, scheme: 'world', id: 'anyone' }]);
    expect(READ_ACL_UNSAFE).toEqual([{ perms: 1, scheme: 'world', id: 'anyone' }]);
    expect(CREATOR_ALL_ACL).toEqual([{ perms: 31, scheme: 'auth', id: '' }]);
  });

  it('cannot be changed by one user for all', () => {
    for (const acl of [OPEN_ACL_UNSAFE, READ_ACL_UNSAFE, CREATOR_ALL_ACL]) {
      expect(Object.isFrozen(acl)).toBe(true);
      expect(acl.every((entry) => Object.isFrozen(entry))).toBe(true);
    }
  });

  it('digestAcl', () => {
    expect(digestAcl(Perms.READ | Perms.WRITE, 'super:test')).toEqual({
      perms: 3,
      scheme: 'digest',
      id: 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=',
    });
  });
});
