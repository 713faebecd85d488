import { CONTRACT_ON_NEWER } from '../support/contract-reporter.js';
import { newerTarget } from '../support/targets.js';
import { describeOnReal } from './real.js';

describeOnReal(CONTRACT_ON_NEWER, newerTarget());
