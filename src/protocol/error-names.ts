/** Names of errors: each says `NoNodeError`, or what it is, also where a bundler gave its class another name. */
import { nameErrors } from './error-base.js';
import * as errors from './errors.js';

nameErrors(errors);
