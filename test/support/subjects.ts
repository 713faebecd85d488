/** Subjects of certificates, and what a server calls their owners. */

/** One certificate. */
export interface Subject {
  readonly what: string;
  /** As `openssl req -subj` takes it. */
  readonly subject: string;
  /** What `openssl req` needs besides. */
  readonly more?: readonly string[];
  /** The id of the scheme `x509`. */
  readonly id: string;
}

/** Real servers of 3.8.0 and 3.9.3 answer `whoAmI` so. */
export const SUBJECTS: readonly Subject[] = [
  { what: 'the last part first', subject: '/C=DE/O=zk/OU=a/CN=me', id: 'CN=me,OU=a,O=zk,C=DE' },
  {
    what: 'every type that has a name',
    subject: '/C=DE/ST=By/L=M/street=s/DC=d/UID=u/CN=n',
    id: 'CN=n,UID=u,DC=d,STREET=s,L=M,ST=By,C=DE',
  },
  {
    what: 'types that have none',
    subject: '/CN=me/emailAddress=me@x.org/serialNumber=77/title=t/O=zk',
    id: 'O=zk,2.5.4.12=#0c0174,2.5.4.5=#13023737,1.2.840.113549.1.9.1=#16086d6540782e6f7267,CN=me',
  },
  {
    what: 'characters that mean something',
    subject: '/O=a, b\\+c/CN=x"y\\\\z<>;#=*?&:()',
    id: 'CN=x\\"y\\\\z\\<\\>\\;\\#\\=*?&:(),O=a\\, b\\+c',
  },
  { what: 'spaces at both ends', subject: '/CN=  a b  ', id: 'CN=\\ \\ a b\\ \\ ' },
  { what: 'nothing but a space', subject: '/CN= ', id: 'CN=\\ ' },
  { what: 'a line break', subject: '/CN=a\nb\tc', id: 'CN=a\nb\tc' },
  {
    what: 'parts of several values',
    subject: '/O=zk/CN=c+OU=z+L=q',
    more: ['-multivalue-rdn'],
    id: 'CN=c+L=q+OU=z,O=zk',
  },
  { what: 'the same type twice', subject: '/CN=a/CN=b', id: 'CN=b,CN=a' },
  { what: 'letters beyond ASCII', subject: '/CN=Zoë 漢 😀', more: ['-utf8'], id: 'CN=Zoë 漢 😀' },
];
