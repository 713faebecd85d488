import { differential } from './real.js';

differential('3.8.0');
