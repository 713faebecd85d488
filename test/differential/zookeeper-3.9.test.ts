import { differential } from './real.js';

differential('3.9.3');
