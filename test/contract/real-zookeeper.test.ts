import { CONTRACT_ON_REAL } from '../support/contract-reporter.js';
import { realTarget } from '../support/targets.js';
import { describeOnReal } from './real.js';

describeOnReal(CONTRACT_ON_REAL, realTarget());
